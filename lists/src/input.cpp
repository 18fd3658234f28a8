#include "pharox/lists/input.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <iconv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "pharox/errors.hpp"

namespace pharox::lists {
namespace {

constexpr std::size_t block_bytes = std::size_t{64} * 1024;

class Descriptor {
  public:
    explicit Descriptor(int number) noexcept : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int number() const noexcept { return number_; }

  private:
    int number_;
};

std::string reason_of(int error) { return std::generic_category().message(error); }

/// The kind of content that is no text and that no decoder reads; empty if it is none that is known.
std::string_view foreign_kind(std::string_view begin) {
    using std::string_view_literals::operator""sv;
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kinds{
        {{"%PDF", "a PDF document"},
         {"7z\xBC\xAF\x27\x1C", "a 7z archive: unpack it"},
         {"Rar!", "a RAR archive: unpack it"},
         {"SQLite format 3", "an SQLite database"},
         {"\x89PNG", "an image"},
         {"\xFF\xD8\xFF", "an image"},
         {"\xD0\xCF\x11\xE0", "an old Office document: save it as CSV"},
         {"\x7F"
          "ELF",
          "a program"}}};
    for (const auto& [magic, kind] : kinds)
        if (begin.starts_with(magic)) return kind;
    return {};
}

/// Has no name, and is readable by its owner only; -1 if there is none, with errno.
Descriptor temporary_file() {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(),
                                                               [](std::FILE* it) { return std::fclose(it); });
    return Descriptor(file ? ::fcntl(::fileno(file.get()), F_DUPFD_CLOEXEC, 0) : -1);
}

struct Iconv {
    explicit Iconv(const char* from) : handle(::iconv_open("UTF-8", from)) {}
    Iconv(const Iconv&) = delete;
    Iconv& operator=(const Iconv&) = delete;
    ~Iconv() {
        if (valid()) ::iconv_close(handle);
    }
    [[nodiscard]] bool valid() const {
        return handle !=
               reinterpret_cast<iconv_t>(-1);  // NOLINT(*-reinterpret-cast, *-int-to-ptr): POSIX says so
    }
    iconv_t handle;
};

}  // namespace

/// The bytes of the list, decompressed by libarchive, then converted.
class Input::State {
  public:
    State(std::string name, Descriptor file, std::string_view memory, std::uint64_t size)
        : name_(std::move(name)), file_(std::move(file)), memory_(memory), size_(size) {
        if (file_.number() >= 0) check_members();
        begin();
    }

    void begin() {
        archive_.reset();
        converter_.reset();
        rest_.clear();
        encoding_.clear();
        open();
        detect_characters();
    }

    /// The next bytes of text; empty at the end.
    std::string_view next_block() {
        for (;;) {
            const std::string_view bytes = first_ ? *std::exchange(first_, std::nullopt) : read();
            if (!converter_) return bytes;
            if (bytes.empty() && rest_.empty()) return {};
            if (bytes.empty()) fail("ends in the middle of a character");
            text_ = convert(bytes);
            if (!text_.empty()) return text_;
        }
    }

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::string& encoding() const { return encoding_; }
    [[nodiscard]] double progress() const {
        if (size_ == 0) return 1;
        const auto read = archive_ ? archive_filter_bytes(archive_.get(), -1) : 0;
        return std::clamp(static_cast<double>(read) / static_cast<double>(size_), 0.0, 1.0);
    }

    std::size_t line = 1;           ///< of `counted`
    const char* counted = nullptr;  ///< in the current block

  private:
    struct Free {
        void operator()(archive* opened) const { archive_read_free(opened); }
    };

    [[noreturn]] void fail(const std::string& rule) const { throw ValidationError("list", name_, rule); }
    [[noreturn]] void fail_reading() const {
        const int error = archive_errno(archive_.get());
        if (error == EISDIR) fail("is a directory");
        if (archive_read_has_encrypted_entries(archive_.get()) > 0) fail("is an encrypted archive");
        const char* text = archive_error_string(archive_.get());
        fail("cannot be read to its end: " + std::string(text == nullptr ? "unknown reason" : text));
    }

    std::unique_ptr<archive, Free> opened_archive() const {
        std::unique_ptr<archive, Free> opened(archive_read_new());
        archive* const it = opened.get();
        archive_read_support_filter_gzip(it);
        archive_read_support_filter_bzip2(it);
        archive_read_support_filter_xz(it);
        archive_read_support_filter_zstd(it);
        archive_read_support_format_zip(it);
        archive_read_support_format_tar(it);
        archive_read_support_format_raw(it);
        archive_read_support_format_empty(it);
        return opened;
    }

    void open_source() {
        archive_ = opened_archive();
        int status = ARCHIVE_OK;
        if (file_.number() >= 0) {
            ::lseek(file_.number(), 0, SEEK_SET);
            status = archive_read_open_fd(archive_.get(), file_.number(), block_bytes);
        } else {
            status = archive_read_open_memory(archive_.get(), memory_.data(), memory_.size());
        }
        if (status != ARCHIVE_OK) fail_reading();
    }

    void open() {
        open_source();
        archive_entry* entry = nullptr;
        const int status = archive_read_next_header(archive_.get(), &entry);
        ended_ = status == ARCHIVE_EOF;  // an empty file, or an archive without members
        if (!ended_ && status < ARCHIVE_WARN) fail_reading();
        describe();
    }

    /// Before anything is read from an archive, so that a refusal comes first.
    void check_members() {
        open_source();
        std::size_t members = 0;
        archive_entry* entry = nullptr;
        for (;;) {
            const int status = archive_read_next_header(archive_.get(), &entry);
            if (status == ARCHIVE_EOF) return;
            if (status < ARCHIVE_WARN) fail_reading();
            if (archive_format(archive_.get()) == ARCHIVE_FORMAT_RAW) return;
            if (archive_entry_is_encrypted(entry) != 0) fail("is an encrypted archive");
            if (archive_entry_filetype(entry) == AE_IFDIR) continue;
            if (++members > 1) fail("is an archive of several files: unpack it");
        }
    }

    void describe() {
        const auto add = [&](std::string_view what) {
            if (!encoding_.empty()) encoding_ += ", ";
            encoding_ += what;
        };
        const int format = archive_format(archive_.get()) & ARCHIVE_FORMAT_BASE_MASK;
        const int filter = archive_filter_code(archive_.get(), 0);
        if (filter == ARCHIVE_FILTER_GZIP) add("gzip");
        if (filter == ARCHIVE_FILTER_BZIP2) add("bzip2");
        if (filter == ARCHIVE_FILTER_XZ) add("xz");
        if (filter == ARCHIVE_FILTER_ZSTD) add("zstd");
        if (format == ARCHIVE_FORMAT_ZIP) add("zip");
        if (format == ARCHIVE_FORMAT_TAR) add("tar");
    }

    std::string_view read() {
        if (ended_) return {};
        const la_ssize_t count = archive_read_data(archive_.get(), block_.data(), block_.size());
        if (count < 0) fail_reading();
        ended_ = count == 0;
        return {block_.data(), static_cast<std::size_t>(count)};
    }

    void detect_characters() {
        using std::string_view_literals::operator""sv;
        std::string_view bytes = read();
        if (const auto kind = foreign_kind(bytes); !kind.empty()) fail("is " + std::string(kind));
        const char* characters = nullptr;
        if (bytes.starts_with("\xEF\xBB\xBF"sv)) {
            bytes.remove_prefix(3);
        } else if (bytes.starts_with("\xFF\xFE\x00\x00"sv) || bytes.starts_with("\x00\x00\xFE\xFF"sv)) {
            fail("is UTF-32: save it as UTF-8");
        } else if (bytes.starts_with("\xFF\xFE"sv)) {
            characters = "UTF-16LE";
        } else if (bytes.starts_with("\xFE\xFF"sv)) {
            characters = "UTF-16BE";
        } else if (bytes.size() >= 4 && (bytes.substr(1, 1) == "\0"sv || bytes.substr(0, 1) == "\0"sv)) {
            fail("seems to be UTF-16 without a byte order mark: save it as UTF-8");
        }
        if (characters != nullptr) {
            converter_.emplace(characters);
            if (!converter_->valid()) fail("is UTF-16, which this system does not convert: save it as UTF-8");
            bytes.remove_prefix(2);
            encoding_ += encoding_.empty() ? "UTF-16" : ", UTF-16";
        }
        first_ = bytes;
        if (bytes.empty()) first_.reset();
    }

    std::string convert(std::string_view bytes) {
        std::string source = rest_;
        source += bytes;
        std::string converted(source.size() * 2 + 8, '\0');  // a unit of two bytes becomes at most three
        char* from = source.data();
        std::size_t left = source.size();
        char* to = converted.data();
        std::size_t space = converted.size();
        if (::iconv(converter_->handle, &from, &left, &to, &space) == static_cast<std::size_t>(-1) &&
            errno != EINVAL)  // EINVAL: the source ends within a character
            fail("is not valid UTF-16");
        rest_.assign(from, left);
        converted.resize(converted.size() - space);
        return converted;
    }

    std::string name_;
    Descriptor file_;
    std::string_view memory_;
    std::uint64_t size_;
    std::unique_ptr<archive, Free> archive_;
    bool ended_ = false;
    std::vector<char> block_ = std::vector<char>(block_bytes);
    std::optional<std::string_view> first_;
    std::optional<Iconv> converter_;
    std::string rest_;  // the beginning of a character
    std::string text_;
    std::string encoding_;
};

Input::Input(std::unique_ptr<State> state) : state_(std::move(state)) {}
Input::~Input() = default;

std::unique_ptr<Input> Input::of_file(const std::filesystem::path& file) {
    Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (opened.number() < 0)
        throw ValidationError("list", file.string(), "cannot be read: " + reason_of(errno));
    struct stat status{};
    if (::fstat(opened.number(), &status) == 0 && S_ISDIR(status.st_mode))
        throw ValidationError("list", file.string(), "is a directory");
    if (!S_ISREG(status.st_mode)) return of_descriptor(opened.number(), file.string());
    return std::unique_ptr<Input>(new Input(std::make_unique<State>(
        file.string(), std::move(opened), std::string_view{}, static_cast<std::uint64_t>(status.st_size))));
}

std::unique_ptr<Input> Input::of_standard_input() { return of_descriptor(STDIN_FILENO, "standard input"); }

std::unique_ptr<Input> Input::of_descriptor(int source, std::string name) {
    const auto refuse = [&](const char* what) {
        throw ValidationError("list", name, what + reason_of(errno));
    };
    Descriptor copy = temporary_file();
    if (copy.number() < 0) refuse("cannot be copied into a temporary file: ");
    std::vector<char> block(block_bytes);
    std::uint64_t size = 0;
    for (;;) {
        const ssize_t count = ::read(source, block.data(), block.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) refuse("cannot be read: ");
        if (count == 0) break;
        for (ssize_t done = 0; done < count;) {
            const ssize_t written =
                ::write(copy.number(), block.data() + done, static_cast<std::size_t>(count - done));
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) refuse("cannot be copied into a temporary file: ");
            done += written;
        }
        size += static_cast<std::uint64_t>(count);
    }
    return std::unique_ptr<Input>(
        new Input(std::make_unique<State>(std::move(name), std::move(copy), std::string_view{}, size)));
}

std::unique_ptr<Input> Input::of_memory(std::string_view text, std::string name) {
    return std::unique_ptr<Input>(
        new Input(std::make_unique<State>(std::move(name), Descriptor(-1), text, text.size())));
}

void Input::rewind() {
    state_->begin();
    state_->line = 1;
    state_->counted = nullptr;
    setg(nullptr, nullptr, nullptr);
}

std::string Input::encoding() const { return state_->encoding(); }
double Input::progress() const { return state_->progress(); }
const std::string& Input::name() const { return state_->name(); }

Input::int_type Input::underflow() {
    if (gptr() != nullptr) count_lines(egptr());
    const std::string_view block = state_->next_block();
    char* const begin = const_cast<char*>(block.data());  // NOLINT(*-const-cast): a streambuf that only reads
    setg(begin, begin, begin + block.size());
    state_->counted = begin;
    return block.empty() ? traits_type::eof() : traits_type::to_int_type(*begin);
}

void Input::count_lines(const char* end) {
    state_->line += static_cast<std::size_t>(std::count(state_->counted, end, '\n'));
    state_->counted = end;
}

std::size_t Input::line() {
    if (gptr() != nullptr) count_lines(gptr());
    return state_->line;
}

bool Input::next_line(std::string& line, std::size_t max_bytes, bool& too_long) {
    line.clear();
    too_long = false;
    if (sgetc() == traits_type::eof()) return false;
    while (sgetc() != traits_type::eof()) {
        const std::string_view available(gptr(), static_cast<std::size_t>(egptr() - gptr()));
        const auto end = available.find('\n');
        const std::string_view part = available.substr(0, end);
        const std::string_view kept = part.substr(0, max_bytes - std::min(max_bytes, line.size()));
        line += kept;
        too_long = too_long || kept.size() < part.size();
        setg(eback(), gptr() + part.size() + (end == std::string_view::npos ? 0 : 1), egptr());
        if (end != std::string_view::npos) break;
    }
    return true;
}

}  // namespace pharox::lists
