// An ordered map of text to text that survives in a file: what a key-value store offers an adapter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "independent/planted.hpp"

namespace pharox::testkit::independent {

/// Not thread-safe. Writes belong to a transaction: all of it is appended to the file, or none.
class Tables {
  public:
    using Entries = std::map<std::string, std::string, std::less<>>;

    /// Reads what earlier transactions left in the file. An empty path: nothing is kept.
    Tables(const std::filesystem::path& file, Planted planted);

    [[nodiscard]] const std::string* find(const std::string& key) const;
    /// The entries whose keys begin with `prefix`, in the order of their keys; [first, last).
    [[nodiscard]] std::pair<Entries::const_iterator, Entries::const_iterator> range(
        const std::string& prefix) const;
    /// What follows `prefix` in those keys.
    [[nodiscard]] std::vector<std::string> suffixes(const std::string& prefix) const;

    void put(const std::string& key, std::string value);
    void erase(const std::string& key);

    /// Undoes what was written since, unless committed.
    class Transaction {
      public:
        explicit Transaction(Tables& tables) : tables_(tables) {}
        Transaction(const Transaction&) = delete;
        Transaction& operator=(const Transaction&) = delete;
        ~Transaction() { tables_.roll_back(); }
        void commit() { tables_.commit(); }

      private:
        Tables& tables_;
    };

  private:
    struct Change {
        std::string key;
        std::optional<std::string> before;
    };
    void commit();
    void roll_back() noexcept;
    void read(const std::filesystem::path& file);

    Entries entries_;
    std::vector<Change> changes_;  // of the open transaction
    std::ofstream journal_;
    Planted planted_;
};

/// Whole numbers as text of one width, so that the order of the text is that of the numbers.
std::string in_order(std::int64_t number);

}  // namespace pharox::testkit::independent
