/* The shared libraries and the program of shared_libraries_test.cc: each calls what is in the next one, so that its
 * linker notes that it needs it. Never run. */
#ifdef CALLS
int CALLS(void);
#else
#define CALLS() 0
#endif

int NAME(void) { return CALLS(); }
