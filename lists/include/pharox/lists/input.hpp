// The text of a list: a file, standard input or memory; decompressed, as UTF-8.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <streambuf>
#include <string>
#include <string_view>

namespace pharox::lists {

/// A list that can be read more than once. gzip, bzip2, xz and zstd are recognised by their first bytes, also
/// zip and tar archives with one member; UTF-16 is recognised by its byte order mark. The text comes as UTF-8
/// without a byte order mark. Needs some 200 KiB of memory, whatever the size of the list. Not thread-safe.
///
/// Functions that read throw ValidationError(field "list", name, why): the file cannot be read, an archive
/// has several members or is damaged or encrypted, the content is of a kind that is no text.
class Input : public std::streambuf {
  public:
    static std::unique_ptr<Input> of_file(const std::filesystem::path& file);
    /// Copies what is not a file, such as a pipe, into a temporary file that has no name.
    static std::unique_ptr<Input> of_standard_input();
    /// `text` outlives the input. `name` is for errors.
    static std::unique_ptr<Input> of_memory(std::string_view text, std::string name);

    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;
    ~Input() override;

    /// Reads from the beginning again.
    void rewind();
    /// What the content was before decoding, such as `gzip, UTF-16`; empty for plain UTF-8.
    [[nodiscard]] std::string encoding() const;
    /// The part that was read, 0 to 1.
    [[nodiscard]] double progress() const;
    [[nodiscard]] const std::string& name() const;

    /// The next line without its end; false at the end of the text. Of a longer line than `max_bytes`, only
    /// the beginning is kept and `too_long` set.
    bool next_line(std::string& line, std::size_t max_bytes, bool& too_long);
    /// The line of the next character, from 1.
    [[nodiscard]] std::size_t line();

  protected:
    int_type underflow() override;

  private:
    class State;
    static std::unique_ptr<Input> of_descriptor(int source, std::string name);
    explicit Input(std::unique_ptr<State> state);
    void count_lines(const char* end);
    std::unique_ptr<State> state_;
};

}  // namespace pharox::lists
