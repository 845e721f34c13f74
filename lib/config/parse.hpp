#pragma once
#include "config/address.hpp"
#include "config/section.hpp"
#include <map>

namespace roleswap::config {

/// Reads the sections of one file in an order in which later ones may look at earlier ones.
class Parser {
public:
    explicit Parser(std::string_view path) : path_(path) {}
    Config parse(const base::TomlValue& root);

private:
    void parse_pair(const base::TomlValue& table);
    void parse_node(core::Node which, const base::TomlValue& table);
    void parse_nodes(const Section& root);
    void check_apart(core::Node which, const base::TomlValue& table, core::Node before) const;
    static void parse_node_store(const Section& section, Node& node);
    static void check_store_units(const Section& section, const Node& mine, const Node& theirs);
    void parse_link(const base::TomlValue& table);
    void parse_network(const Section& section);
    void parse_serial(const Section& section, const base::TomlValue& ports);
    void claim_port(core::Node which, const std::string& path, const std::string& user,
                    const base::TomlValue& at);
    void check_pace(const Section& section, const base::TomlValue& ports) const;
    void parse_links(const Section& root);
    void parse_address(const Section& link, core::Node which, const base::TomlValue& value);
    void parse_store(const base::TomlValue& table);
    void parse_settings(const Section& store, const base::TomlValue& table);
    void parse_witness(const base::TomlValue& table);
    void check_witness(const Section& section) const;
    void parse_work(const base::TomlValue& table);
    void parse_guard(const base::TomlValue& table);
    void parse_fence(const base::TomlValue& table);
    void refuse_foreign_keys(const Section& section, const base::TomlValue& table) const;
    void parse_agent(const Section& section);
    void read_agent_options(const Section& section, core::Node which);
    void parse_switch(const Section& section);
    void parse_words(const Section& nodes, core::Node which, const base::TomlValue& table);
    void check_probes(const Section& pair) const;
    void check_families(const Section& link, const base::TomlValue& addresses) const;
    /// A table with one key for each node of the pair, such as serial = { left = "...", ... }.
    Section per_node(const Section& link, std::string_view key, const base::TomlValue& value) const;
    /// The same with a key for the dr node, where there is one.
    Section per_host(const Section& link, std::string_view key, const base::TomlValue& value) const;

    std::string path_;
    Config config_;
    std::map<Address, std::string> owners_;                           ///< "left on link lan-a"
    std::map<std::pair<core::Node, std::string>, std::string> ports_; ///< who has a serial port
};

} // namespace roleswap::config
