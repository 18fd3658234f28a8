#include "private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "pharox/errors.hpp"
#include "session.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path) {
    const int error = errno;
    const std::string shown = without_password(path.string());
    if (error == EEXIST) throw ConflictError("file", shown, "exists: --replace replaces it");
    throw UsageError(shown + ": " + std::generic_category().message(error));
}

}  // namespace

PrivateFile::PrivateFile(std::filesystem::path path, bool replace)
    : path_(std::move(path)),
      unfinished_(path_.string() + ".partial-" + std::to_string(::getpid())),
      replace_(replace) {
    struct stat about{};
    if (!replace_ && ::lstat(path_.c_str(), &about) == 0) {
        errno = EEXIST;
        fail(path_);
    }
    const int descriptor =
        ::open(unfinished_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0) fail(path_);
    ::close(descriptor);
    stream_.open(unfinished_, std::ios::binary);
}

PrivateFile::~PrivateFile() {
    stream_.close();
    ::unlink(unfinished_.c_str());
}

void PrivateFile::publish() {
    errno = 0;
    stream_.close();
    if (stream_.fail()) fail(path_);
    const int done =
        replace_ ? ::rename(unfinished_.c_str(), path_.c_str()) : ::link(unfinished_.c_str(), path_.c_str());
    if (done != 0) fail(path_);
}

}  // namespace pharox::cli
