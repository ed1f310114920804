// SPDX-License-Identifier: MIT
// Only a comment.
