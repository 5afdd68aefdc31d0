# shadow.mk - ckpt-shadow, the home machine's side.
