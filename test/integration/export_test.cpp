// export writes what import reads.
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

class ExportTest : public PharoxTest {
  protected:
    void SetUp() override {
        secrets_ = {"s3cret", "p4ss"};
        import("latam",
               "anna:s3cret@192.0.2.1:8080\n192.0.2.2:8080\nsocks5://ben:p4ss%3A%40x@[2001:db8::1]:1080\n"
               "https://proxy.example:443\n",
               {"--country", "AR", "--city", "Río Cuarto, Córdoba", "--tag", "fast", "--tag", "mobile",
                "--max-concurrency", "3", "--weight", "2.5"});
    }
    /// The content of the exported file.
    std::string exported(const std::string& pool, const std::string& format, const std::string& name) {
        const Finished done = pharox({"export", "--pool", pool, "--format", format, "--show-secrets",
                                      "--output", home_.file(name), "--replace"});
        EXPECT_EQ(done.status, 0) << done.errors;
        return home_.read(name);
    }
};

TEST_F(ExportTest, ImportReadsEachFormat) {
    for (const std::string format : {"lines", "urls", "csv", "json", "json-lines", "clash", "base64"}) {
        const std::string list = exported("latam", format, "list." + format);
        EXPECT_EQ(list.find("s3cret") == std::string::npos, format == "base64") << format;
        const Finished imported =
            pharox({"import", "--pool", format, "--strict", home_.file("list." + format)});
        EXPECT_EQ(imported.status, 0) << format << imported.errors;
        EXPECT_EQ(exported(format, "urls", "again"), exported("latam", "urls", "first")) << format;
        if (!std::set<std::string>{"csv", "json", "json-lines"}.contains(format)) continue;  // no attributes
        EXPECT_EQ(exported(format, "json", "again"), exported("latam", "json", "first")) << format;
    }
    EXPECT_EQ(pharox({"export", "--pool", "latam", "--format", "xml", "--show-secrets"}).status, 2);
}

TEST_F(ExportTest, SecretsAreExportedOnRequest) {
    const Finished refused = pharox({"export", "--pool", "latam"});
    EXPECT_EQ(refused.status, 2);
    EXPECT_EQ(refused.output, "");
    EXPECT_NE(refused.errors.find("--show-secrets"), std::string::npos) << refused.errors;
    EXPECT_EQ(pharox({"export", "--pool", "latam", "--without-secrets", "--protocol", "http"}).output,
              "192.0.2.1:8080\n192.0.2.2:8080\n");
    EXPECT_EQ(pharox({"export", "--pool", "latam", "--protocol", "https"}).output,
              "https://proxy.example:443\n")
        << "no proxy has a password";
    const Finished shown =
        pharox_unwatched({"export", "--pool", "latam", "--show-secrets", "--format", "urls"});
    EXPECT_NE(shown.output.find("http://anna:s3cret@192.0.2.1:8080\n"), std::string::npos) << shown.output;
    EXPECT_EQ(pharox({"export", "--pool", "latam", "--show-secrets", "--without-secrets"}).status, 2);
}

TEST_F(ExportTest, FilesArePrivateAndNotReplacedUnasked) {
    const std::string file = home_.file("list.csv");
    const std::vector<std::string> call{"export", "--pool",   "latam", "--show-secrets", "--format",
                                        "csv",    "--output", file,    "--json"};
    const Finished done = pharox(call);
    EXPECT_EQ(done.status, 0) << done.errors;
    EXPECT_EQ(json_member(done.output, "proxies"), "4");
    struct stat about{};
    ASSERT_EQ(::stat(file.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    const Finished again = pharox(call);
    EXPECT_EQ(again.status, 1);
    EXPECT_NE(again.errors.find("exists: --replace replaces it"), std::string::npos) << again.errors;
    EXPECT_EQ(pharox({"export", "--pool", "latm", "--output", home_.file("none")}).status, 4);
    EXPECT_EQ(
        pharox({"export", "--pool", "latam", "--show-secrets", "--output", home_.file("no/folder")}).status,
        2);
    EXPECT_EQ(pharox({"export", "--pool", "latam", "--show-secrets", "--json"}).status, 2);
    for (const auto& entry : std::filesystem::directory_iterator(home_.path()))
        EXPECT_EQ(entry.path().string().find(".partial"), std::string::npos) << entry.path();
}

}  // namespace
}  // namespace pharox::test
