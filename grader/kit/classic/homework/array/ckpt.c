#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	if (argc < 2)
		return 1;
	setenv("LD_PRELOAD", "./libckpt.so", 1);
	if (fork() == 0) {
		execvp(argv[1], argv + 1);
		perror("exec");
		_exit(1);
	}
	int status;
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
