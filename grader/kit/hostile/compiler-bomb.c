/* cause: sandbox-memory */
/* A source of a few lines that becomes hundreds of megabytes in the compiler. */
#define TEN(x) x x x x x x x x x x
#define BIG(x) TEN(TEN(TEN(TEN(TEN(x)))))
const char bomb[] = TEN(TEN(BIG("some more text for the compiler")));
