/* cause: refused */
/* The archive of this one has a link `stage1-readmaps/maps.h` that leads out of it: nothing of it is unpacked. */
