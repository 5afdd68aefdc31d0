/* plugin.c: a library that corestate loads with dlopen(3); there is another one, which answers otherwise. */
#ifndef ANSWER
#define ANSWER 42
#endif

int answer(int number);

int answer(int number)
{
    return number * ANSWER;
}
