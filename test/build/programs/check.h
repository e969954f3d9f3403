/* Ends the program with the line of the first expectation that fails. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(expectation)                                                 \
  do {                                                                     \
    if (!(expectation)) {                                                  \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expectation);    \
      exit(1);                                                             \
    }                                                                      \
  } while (0)

#endif
