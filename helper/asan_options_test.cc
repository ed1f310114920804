// SPDX-License-Identifier: MIT
// asan_options_test.cc - what AddressSanitizer is told where the unit tests are built with it.

// The test program links the plugins and also loads them, as a helper would: their
// globals are there twice, and meant to be.
extern "C" const char* __asan_default_options() { return "detect_odr_violation=0"; }
