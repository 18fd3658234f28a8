// Output on a terminal: its size, colours, and a screen that is refreshed in place.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "pharox/model/time.hpp"

namespace pharox::cli {

/// Whether standard output is a terminal that can move its cursor.
bool output_is_terminal();
/// Whether to print colours: on a terminal, unless NO_COLOR is set and not empty (no-color.org).
bool output_has_colours();

struct TerminalSize {
    std::size_t columns = 80;
    std::size_t rows = 24;
};
/// The size of the terminal on standard output; where it does not know it, COLUMNS and LINES, or 80 by 24.
TerminalSize terminal_size();

/// A screen that is drawn again and again. Blocks SIGWINCH in the calling thread, for wait().
class Screen {
  public:
    Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen();
    /// Replaces what is shown, without flicker. Lines beyond the height are left out, and the last line says
    /// how many.
    void draw(const std::string& text);
    /// Returns after `time`, or earlier, with true, if the terminal has changed its size.
    bool wait(Duration time);

  private:
    bool clear_ = true;
};

/// What draw() prints: each line clears the rest of its row, and the last one the rows below.
std::string frame(const std::string& text, std::size_t rows);

}  // namespace pharox::cli
