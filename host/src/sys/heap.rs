//! Where keel's memory comes from with musl. A start makes 35 calls of mmap(2) and munmap(2) with musl's own allocator, which gives each kind of size
//! pages of its own and gives them back at once; with this one, two. glibc's is as good, and in the program in any case.

/// Doug Lea's, as std has it where there is no C library.
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
