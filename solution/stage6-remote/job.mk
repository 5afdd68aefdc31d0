# job.mk - the job's side of a system call: what libckpt.so has besides (JOB).
JOB :=
