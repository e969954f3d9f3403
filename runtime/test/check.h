/* CHECK(condition) counts and prints failures, from any thread; a test's main ends with `return check_result();`.
   C99 and C++, GCC and Clang. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int check_failures = 0;
static int check_count = 0;

#define CHECK(condition)                                                          \
  do {                                                                            \
    __atomic_fetch_add(&check_count, 1, __ATOMIC_RELAXED);                        \
    if (!(condition)) {                                                           \
      __atomic_fetch_add(&check_failures, 1, __ATOMIC_RELAXED);                   \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);   \
    }                                                                             \
  } while (0)

static int check_result(void) {
  printf("%d checks, %d failures\n", check_count, check_failures);
  return check_failures == 0 ? 0 : 1;
}

#endif
