/* Calls that change files under one folder: counted, and one of them failed, killed at or cut.
 *
 * Loaded with LD_PRELOAD; told what to do by a page that a test shares (see shim.py, which has the
 * same layout). Every process with the page counts on: the n-th call is the n-th of all of them.
 * While recording, what was written and what was synced goes to a log from which the test makes
 * the images that a power cut could have left. Recording is for one process at a time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN, WRITE, TRUNCATE, SYNC, REMOVE, RENAME, MKDIR, MAKE, NOTE, KINDS };
enum action { COUNT, KILL, KILL_GROUP, TEAR, FAIL, DELAY };
#define FDS 4096
#define PATH 512

struct control {
  int64_t action, at, error, mask, seen, fired, events, recording;
  int64_t counts[KINDS];
  char root[PATH], log[PATH];
};

static struct control *control;
static char *paths[FDS]; /* of the descriptors that are ours */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("FAULT_CONTROL");
  if (!file) return;
  int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *page = mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (page != MAP_FAILED) control = page;
}

static int ours(const char *path) {
  if (!control || !path) return 0;
  size_t length = strlen(control->root);
  return length && !strncmp(path, control->root, length);
}

static const char *path_of(int fd) { return fd >= 0 && fd < FDS ? paths[fd] : 0; }

static void note_event(enum kind kind, const char *path, int64_t offset, struct iovec *data,
                       int count, int64_t limit) {
  struct { int32_t kind, path; int64_t data, offset; } head = {kind, strlen(path), limit, offset};
  int fd = syscall(SYS_openat, AT_FDCWD, control->log, O_WRONLY | O_APPEND | O_CREAT, 0600);
  struct iovec out[2] = {{&head, sizeof head}, {(void *)path, head.path}};
  syscall(SYS_writev, fd, out, 2);
  for (int i = 0; i < count && limit > 0; i++) {
    size_t size = data[i].iov_len < (size_t)limit ? data[i].iov_len : (size_t)limit;
    syscall(SYS_write, fd, data[i].iov_base, size);
    limit -= size;
  }
  syscall(SYS_close, fd);
  control->events++;
}

/* Log what was done; `since` is how many events a sync covers. */
static void record(enum kind kind, const char *path, int64_t offset, struct iovec *data, int count,
                   int64_t length) {
  if (!control || !control->recording) return;
  pthread_mutex_lock(&lock);
  note_event(kind, path, offset, data, count, length);
  pthread_mutex_unlock(&lock);
}

void fault_note(const char *data, int64_t length) {
  struct iovec one = {(void *)data, length};
  record(NOTE, "", 0, &one, 1, length);
}

/* Before the call: -1 with errno when it shall fail, 1 when it shall be torn, else 0. */
static int meet(enum kind kind) {
  __atomic_add_fetch(&control->counts[kind], 1, __ATOMIC_SEQ_CST);
  if (control->action == COUNT && !control->mask) return 0;
  if (!(control->mask >> kind & 1)) return 0;
  int64_t number = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
  if (control->action == DELAY) usleep(control->error);
  if (control->action == COUNT || number != control->at) return 0;
  control->fired = kind + 1;
  switch (control->action) {
    case KILL_GROUP: kill(0, SIGKILL); pause(); break;
    case TEAR: if (kind == WRITE) return 1; /* fall through */
    case KILL: kill(getpid(), SIGKILL); pause(); break;
    case FAIL: errno = control->error; return -1;
  }
  return 0;
}

static void cut(int fd, const struct iovec *data, int64_t offset) {
  syscall(SYS_pwrite64, fd, data->iov_base, data->iov_len / 2, offset);
  kill(getpid(), SIGKILL);
  pause();
}

static int opened(int (*call)(const char *, int, mode_t), const char *path, int flags, mode_t mode) {
  if (!ours(path)) return call(path, flags, mode);
  if (meet(OPEN)) return -1;
  struct stat before;
  int fresh = flags & O_CREAT && stat(path, &before) < 0;
  int fd = call(path, flags, mode);
  if (fd >= 0 && fd < FDS) {
    free(paths[fd]);
    paths[fd] = strdup(path);
    if (fresh) record(MAKE, path, 0, 0, 0, 0);
    if (flags & O_TRUNC && !fresh) record(TRUNCATE, path, 0, 0, 0, 0);
  }
  return fd;
}

static int raw_open(const char *path, int flags, mode_t mode) {
  return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define MODE va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest)
int open(const char *path, int flags, ...) { MODE; return opened(raw_open, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE; return opened(raw_open, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) {
  MODE;
  if (at == AT_FDCWD || *path == '/') return opened(raw_open, path, flags, mode);
  return syscall(SYS_openat, at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
  MODE;
  return openat(at, path, flags, mode);
}

int close(int fd) {
  if (fd >= 0 && fd < FDS && paths[fd]) {
    free(paths[fd]);
    paths[fd] = 0;
  }
  return syscall(SYS_close, fd);
}

static ssize_t wrote(int fd, struct iovec *data, int count, int64_t offset) {
  const char *path = path_of(fd);
  int64_t place = offset >= 0 ? offset : path ? lseek(fd, 0, SEEK_CUR) : 0;
  if (path) {
    int met = meet(WRITE);
    if (met < 0) return -1;
    if (met > 0) cut(fd, data, place);
  }
  ssize_t done = offset < 0 ? syscall(SYS_writev, fd, data, count)
                            : syscall(SYS_pwritev, fd, data, count, offset, 0L);
  if (path && done > 0) record(WRITE, path, place, data, count, done);
  return done;
}

ssize_t write(int fd, const void *data, size_t size) {
  if (!path_of(fd)) return syscall(SYS_write, fd, data, size);
  struct iovec one = {(void *)data, size};
  return wrote(fd, &one, 1, -1);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  if (!path_of(fd)) return syscall(SYS_pwrite64, fd, data, size, offset);
  struct iovec one = {(void *)data, size};
  return wrote(fd, &one, 1, offset);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  return pwrite64(fd, data, size, offset);
}
ssize_t writev(int fd, const struct iovec *data, int count) {
  if (!path_of(fd)) return syscall(SYS_writev, fd, data, count);
  return wrote(fd, (struct iovec *)data, count, -1);
}
ssize_t pwritev64(int fd, const struct iovec *data, int count, off64_t offset) {
  return wrote(fd, (struct iovec *)data, count, offset);
}
ssize_t pwritev(int fd, const struct iovec *data, int count, off_t offset) {
  return wrote(fd, (struct iovec *)data, count, offset);
}

static int synced(long number, int fd) {
  const char *path = path_of(fd);
  if (path && meet(SYNC)) return -1;
  int64_t covers = control ? control->events : 0;
  int result = syscall(number, fd);
  if (path && !result) record(SYNC, path, covers, 0, 0, 0);
  return result;
}
int fsync(int fd) { return synced(SYS_fsync, fd); }
int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }

static int sized(int fd, int64_t size, int grow) {
  const char *path = path_of(fd);
  struct stat now;
  if (path && meet(TRUNCATE)) return -1;
  if (grow && (fstat(fd, &now) || now.st_size >= size)) return 0;
  int result = syscall(SYS_ftruncate, fd, size);
  if (path && !result) record(TRUNCATE, path, size, 0, 0, 0);
  return result;
}
int ftruncate64(int fd, off64_t size) { return sized(fd, size, 0); }
int ftruncate(int fd, off_t size) { return sized(fd, size, 0); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) {
  REAL(posix_fallocate64);
  if (!path_of(fd)) return real(fd, offset, length);
  if (meet(TRUNCATE)) return errno;
  int result = real(fd, offset, length);
  if (!result) record(TRUNCATE, path_of(fd), offset + length, 0, 0, 0);
  return result;
}
int posix_fallocate(int fd, off_t offset, off_t length) {
  return posix_fallocate64(fd, offset, length);
}

static int removed(const char *path, int flags) {
  if (!ours(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, flags);
  if (meet(REMOVE)) return -1;
  int result = syscall(SYS_unlinkat, AT_FDCWD, path, flags);
  if (!result) record(REMOVE, path, 0, 0, 0, 0);
  return result;
}
int unlink(const char *path) { return removed(path, 0); }
int rmdir(const char *path) { return removed(path, AT_REMOVEDIR); }

int rename(const char *from, const char *to) {
  if (ours(to) && meet(RENAME)) return -1;
  int result = syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
  struct iovec other = {(void *)from, strlen(from)};
  if (ours(to) && !result) record(RENAME, to, 0, &other, 1, strlen(from));
  return result;
}
int mkdir(const char *path, mode_t mode) {
  if (!ours(path)) return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  if (meet(MKDIR)) return -1;
  int result = syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  if (!result) record(MKDIR, path, 0, 0, 0, 0);
  return result;
}
