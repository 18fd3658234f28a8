// One line of a list, in any of its forms.
#pragma once

#include <cstddef>
#include <string_view>

#include "entry.hpp"

namespace pharox::lists {

/// What the lines of a list tell about their order: how many with four fields can be read in one order only.
struct OrderEvidence {
    std::size_t host_first = 0;
    std::size_t user_first = 0;
};

/// `host:port`, `host:port:user:password`, `user:password:host:port`, `user:password@host:port`,
/// `host:port@user:password`, `host:port##user:password`, `host:port@protocol`, and URLs. IPv6 addresses are
/// in brackets. Columns, separated by a tab, `|`, `;`, `,` or blanks: `host port`, `host port user password`,
/// `host port protocol`, and after `host:port` the place. `line` is trimmed and not empty. `order` is that of
/// the options, or what was concluded from other lines. Throws Refusal, ValidationError.
Entry parse_line(std::string_view line, const ReadOptions& options, FieldOrder order,
                 OrderEvidence& evidence);

}  // namespace pharox::lists
