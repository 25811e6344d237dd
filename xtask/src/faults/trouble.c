/* A clock that is wrong and syncs that fail, in front of libc (LD_PRELOAD). The file that TROUBLE_FILE names is a page of numbers that
 * somebody else writes while this runs, and in which each use is counted:
 *   0 clock_us    added to the wall clock; the monotonic one goes on as it is
 *   1 sync_errno  what fdatasync and fsync fail with; 0 = they are called
 *   2 clock_hits  times that a clock was told wrong
 *   3 sync_hits   syncs that failed */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct page {
  _Atomic int64_t clock_us, sync_errno, clock_hits, sync_hits;
};

static struct page none;
static struct page *page = &none;
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("TROUBLE_FILE");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_timedwait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) page = mapped;
}

static void shift(struct timespec *at, int64_t us) {
  int64_t ns = at->tv_nsec + us % 1000000 * 1000;
  at->tv_sec += us / 1000000;
  if (ns < 0) {
    at->tv_sec -= 1;
    ns += 1000000000;
  } else if (ns >= 1000000000) {
    at->tv_sec += 1;
    ns -= 1000000000;
  }
  at->tv_nsec = ns;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
  if (!real_clock_gettime) real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real_clock_gettime(clock, at);
  int64_t us = page->clock_us;
  if (result == 0 && us != 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    shift(at, us);
    page->clock_hits++;
  }
  return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}

/* Who waits until a wrong time waits as long as was meant. Times of the monotonic clock are far from those since 1970. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
  struct timespec at = *until;
  if (page->clock_us != 0 && at.tv_sec > 1000000000) shift(&at, -page->clock_us);
  return real_timedwait(cond, mutex, &at);
}

static int fails(void) {
  int64_t code = page->sync_errno;
  if (code == 0) return 0;
  page->sync_hits++;
  errno = (int)code;
  return 1;
}

int fdatasync(int fd) { return fails() ? -1 : real_fdatasync(fd); }

int fsync(int fd) { return fails() ? -1 : real_fsync(fd); }
