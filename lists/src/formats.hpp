// One function per format. Each reads the rest of the input.
#pragma once

#include "line.hpp"

namespace pharox::lists {

/// What the functions share for one list.
struct Reading {
    Input& input;
    const ReadOptions& options;
    const Receiver& receiver;
    ReadResult& result;
};

void read_lines(const Reading& reading, FieldOrder order, OrderEvidence& evidence);
/// With a line of column names first; the separator is the one that gives the most columns.
void read_csv(const Reading& reading);
void read_json(const Reading& reading);
void read_json_lines(const Reading& reading);
void read_clash(const Reading& reading);

/// The rest of the input. Throws ValidationError if it is larger than 64 MiB.
std::string whole(Input& input);
/// Nothing if the text is not base64.
std::optional<std::string> decoded_base64(std::string_view text);
/// Whether these first lines are base64 of a list.
bool is_base64(const std::vector<std::string>& lines);
/// What the beginning of a list is. Throws ValidationError for HTML and the like.
Format detected(Input& input);
/// Whether the line consists of names of columns.
bool is_header(std::string_view line);
/// Blank lines and comments.
bool is_blank(std::string_view trimmed_line);

}  // namespace pharox::lists
