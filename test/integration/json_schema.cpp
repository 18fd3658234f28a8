#include "json_schema.hpp"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace pharox::test {
namespace {

using Document = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

/// Readers must accept new members; the tests must not.
void forbid_other_members(Document& schema) {
    if (schema.is_object() && schema.contains("properties") && !schema.contains("additionalProperties"))
        schema["additionalProperties"] = false;
    for (Document& part : schema) {
        if (part.is_structured()) forbid_other_members(part);
    }
}

const Document& described() {
    static const Document document = [] {
        std::ifstream file(PHAROX_JSON_SCHEMA);
        Document read = Document::parse(file);
        forbid_other_members(read);
        return read;
    }();
    return document;
}

/// `pool list` of {"--storage", "sqlite:a.db", "pool", "list", "--json"}; empty if the schema has neither the
/// first two words nor the first.
std::string command_of(const std::vector<std::string>& arguments) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        if (arguments[at] == "--storage") {
            ++at;
        } else if (!arguments[at].starts_with('-')) {
            words.push_back(arguments[at]);
        } else if (!words.empty() && arguments[at] != "--json") {
            break;
        }
    }
    const Document& commands = described()["commands"];
    if (words.size() > 1 && commands.contains(words[0] + " " + words[1])) return words[0] + " " + words[1];
    return !words.empty() && commands.contains(words[0]) ? words[0] : "";
}

/// Why the document does not fit; empty if it does.
std::string mismatch(const Document& part, const Document& document) {
    const Document whole = {{"definitions", described()["definitions"]}, {"allOf", Document::array({part})}};
    valijson::Schema schema;
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(Adapter(whole), schema);
    valijson::Validator validator;
    valijson::ValidationResults results;
    if (validator.validate(schema, Adapter(document), &results)) return "";
    std::string why;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
        for (const std::string& step : error.context) why += step;
        why += ": " + error.description + "\n";
    }
    return why;
}

std::vector<Document> documents_in(const std::string& output) {
    std::istringstream stream(output);
    std::vector<Document> documents;
    while (!(stream >> std::ws).eof()) {
        Document document;
        stream >> document;
        documents.push_back(std::move(document));
    }
    return documents;
}

}  // namespace

std::vector<std::string> commands_with_schema() {
    std::vector<std::string> names;
    for (const auto& [name, schema] : described()["commands"].items()) names.push_back(name);
    return names;
}

std::string schema_violation(const std::vector<std::string>& arguments, int status,
                             const std::string& output) {
    const auto own_end = std::ranges::find(arguments, "--");  // of run: the command's own follow
    const bool other = std::ranges::any_of(
        arguments, [](const std::string& word) { return word == "--help" || word == "--version"; });
    if (other || std::find(arguments.begin(), own_end, "--json") == own_end) return "";
    const std::string command = command_of(arguments);
    std::vector<Document> documents;
    try {
        documents = documents_in(output);
    } catch (const Document::exception& error) {
        return "not whole JSON documents: " + std::string(error.what());
    }
    if (documents.empty()) return status == 0 ? "status 0, and no document" : "";
    if (command.empty()) return "the command has no schema in " PHAROX_JSON_SCHEMA;
    const Document& schemas = described()["commands"][command];
    for (const Document& document : documents) {
        std::string why = mismatch(schemas["success"], document);
        if (!why.empty() && status != 0 && schemas.contains("miss"))
            why = mismatch(schemas["miss"], document);
        if (!why.empty()) return command + ": " + why;
    }
    return "";
}

}  // namespace pharox::test
