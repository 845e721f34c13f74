/// What the bench of due times starts: says when its first instruction ran, as seconds since 1970,
/// one line at the end of a file.  Linked whole, so that no loader and no shell tool are measured.
/// usage: stamp FILE
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

int main(int count, char** words)
{
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    if (count != 2) {
        std::fputs("usage: stamp FILE\n", stderr);
        return 2;
    }
    char line[40];
    const int size = std::snprintf(line, sizeof line, "%lld.%09ld\n",
                                   static_cast<long long>(now.tv_sec), now.tv_nsec);
    const int file = ::open(words[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0 || ::write(file, line, static_cast<std::size_t>(size)) != size) {
        std::perror(words[1]);
        return 1;
    }
    return 0;
}
