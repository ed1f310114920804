// SPDX-License-Identifier: MIT
// Click's one-to-many arrow is not there.
FromPort(a) => Discard;
