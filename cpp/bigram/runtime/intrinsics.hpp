// The vector intrinsics of x86, for files with functions marked BIGRAM_TARGET_AVX2 or _AVX512.
#pragma once

#include "bigram/runtime/isa.hpp"

#if BIGRAM_X86
// gcc 12 takes the deliberately undefined operands in its own header for uninitialised variables
// (gcc bug 105593). It reports them where they are inlined, so no pop follows. clang knows no such
// warning and would reject its name.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#endif
