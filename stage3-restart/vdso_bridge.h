/* vdso_bridge.h - a restart under another kernel, whose vdso is another one. */
#ifndef CKPT_VDSO_BRIDGE_H
#define CKPT_VDSO_BRIDGE_H

#include "restart_plan.h"

/*
 * The image's vdso becomes ordinary memory whose functions jump to this kernel's, which goes to a place that the
 * image does not use: changes plan->own.moves and the image's table of regions, and makes a NOTE_VDSO.  Exits with
 * a message and EX_DATAERR if that cannot be.
 */
void vdso_bridge(struct restart_plan *plan);

#endif
