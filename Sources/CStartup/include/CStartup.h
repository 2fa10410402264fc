#ifndef CSTARTUP_H
#define CSTARTUP_H
/* Nothing to import: see startup.c. */
#endif
