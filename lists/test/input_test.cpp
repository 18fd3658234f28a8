#include "pharox/lists/input.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "pharox/errors.hpp"
#include "reading.hpp"

namespace pharox::lists::test {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* list_text = "192.0.2.1:80\nsocks5://u:p@192.0.2.2:1080\n";

class InputTest : public testing::Test {
  public:
    InputTest(const InputTest&) = delete;
    InputTest& operator=(const InputTest&) = delete;
    ~InputTest() override { std::filesystem::remove_all(folder_); }

  protected:
    InputTest() : folder_(std::filesystem::temp_directory_path() / ("lists-" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(folder_);
        write("list.txt", list_text);
    }

    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder_ / name, std::ios::binary) << text;
    }
    void run(const std::string& command) const {
        ASSERT_EQ(std::system(("cd '" + folder_.string() + "' && " + command).c_str()), 0)
            << command;  // NOLINT(concurrency-mt-unsafe)
    }
    [[nodiscard]] std::string refusal(const std::string& name) const {
        try {
            static_cast<void>(read_whole(*Input::of_file(path(name))));
        } catch (const ValidationError& error) {
            EXPECT_EQ(error.field(), "list");
            return error.rule();
        }
        return "read";
    }
    void expect_decoded(const std::string& name, const std::string& encoding) const {
        const auto input = Input::of_file(path(name));
        const WholeList list = read_whole(*input);
        EXPECT_EQ(entries(list), (Texts{"1 http://192.0.2.1:80", "2 socks5://u:p@192.0.2.2:1080"})) << name;
        EXPECT_EQ(input->encoding(), encoding);
        EXPECT_EQ(entries(read_whole(*input)), entries(list)) << "read again";
        EXPECT_EQ(list.result.remarks.empty(), encoding.empty());
    }

  private:
    std::filesystem::path folder_;
};

TEST_F(InputTest, CompressedFilesAreRecognised) {
    run("gzip -k list.txt && zstd -q list.txt && bzip2 -k list.txt && xz -k list.txt && zip -q list.zip "
        "list.txt && tar cf list.tar list.txt");
    expect_decoded("list.txt", "");
    expect_decoded("list.txt.gz", "gzip");
    expect_decoded("list.txt.zst", "zstd");
    expect_decoded("list.txt.bz2", "bzip2");
    expect_decoded("list.txt.xz", "xz");
    expect_decoded("list.zip", "zip");
    expect_decoded("list.tar", "tar");
}

TEST_F(InputTest, Utf16IsRecognised) {
    run("printf '\\377\\376' > le.txt && iconv -t UTF-16LE list.txt >> le.txt");
    run("printf '\\376\\377' > be.txt && iconv -t UTF-16BE list.txt >> be.txt && gzip -k be.txt");
    expect_decoded("le.txt", "UTF-16");
    expect_decoded("be.txt", "UTF-16");
    expect_decoded("be.txt.gz", "gzip, UTF-16");
    run("iconv -t UTF-16LE list.txt > none.txt");
    EXPECT_EQ(refusal("none.txt"), "seems to be UTF-16 without a byte order mark: save it as UTF-8");
    write("odd.txt", std::string("\xFF\xFE"
                                 "1\0:",
                                 5));
    EXPECT_EQ(refusal("odd.txt"), "ends in the middle of a character");
}

TEST_F(InputTest, WhatCannotBeReadIsNamed) {
    run("cp list.txt more.txt && zip -q two.zip list.txt more.txt && zip -q -P secret locked.zip list.txt && "
        "tar czf two.tgz list.txt more.txt");
    EXPECT_EQ(refusal("two.zip"), "is an archive of several files: unpack it");
    EXPECT_EQ(refusal("two.tgz"), "is an archive of several files: unpack it");
    EXPECT_EQ(refusal("locked.zip"), "is an encrypted archive");
    EXPECT_EQ(refusal("absent.txt"), "cannot be read: No such file or directory");
    EXPECT_EQ(refusal("."), "is a directory");
    run("gzip -c list.txt | head -c 30 > cut.gz");
    EXPECT_TRUE(refusal("cut.gz").starts_with("cannot be read to its end: ")) << refusal("cut.gz");
    write("archive.7z", "7z\xBC\xAF\x27\x1C...");
    EXPECT_EQ(refusal("archive.7z"), "is a 7z archive: unpack it");
    write("empty.txt", "");
    EXPECT_EQ(refusal("empty.txt"), "read");
}

TEST_F(InputTest, LinesAreCountedAcrossBlocks) {
    std::string text;
    for (int line = 0; line < 10'000; ++line) text += "192.0.2.1:80\n";
    const WholeList list = read_text(text + "last");
    ASSERT_EQ(list.proxies.size(), 10'000U);
    EXPECT_EQ(list.proxies.back().line, 10'000U);
    ASSERT_EQ(list.problems.size(), 1U);
    EXPECT_EQ(list.problems[0].line, 10'001U);
    std::string json = "[\n";
    for (int line = 0; line < 10'000; ++line) {
        json += R"({"ip":"192.0.2.1","port":80},)"
                "\n";
    }
    EXPECT_EQ(read_text(json + "{\"ip\":\"192.0.2.1\",\"port\":81}]").proxies.back().line, 10'002U);
}

}  // namespace
}  // namespace pharox::lists::test
