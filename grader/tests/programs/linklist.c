/*
 * linklist.c - the second example of the README of 2005 (shared/seeds): a number is read from standard input, a list
 * of so many nodes is made, and their numbers are printed.
 *
 * Line 29 makes a node, and line 37 prints one, as that README has it: `break 29`, `cont 500`, `gcore`.
 */
#include <stdio.h>
#include <stdlib.h>

struct node {
    int number;
    struct node *next;
};

int main(void)
{
    struct node *first = NULL, **last = &first;
    int count = 0;

    printf("How many nodes? ");
    fflush(stdout);
    if (scanf("%d", &count) != 1)
        return 64;

    for (int i = 0; i <= count; i++) {
        struct node *node = malloc(sizeof *node);
        if (node == NULL)
            return 71;
        node->number = i;
        node->next = NULL;
        *last = node;
        last = &node->next;
    }

    const struct node *node = first;
    while (node != NULL) {
        printf("%d\n", node->number);
        node = node->next;
    }
    return 0;
}
