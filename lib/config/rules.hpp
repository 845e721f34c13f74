#pragma once
#include "config/section.hpp"

/// What the texts of the configuration have to be.
namespace roleswap::config::rules {

extern const Section::Rule name;
extern const Section::Rule host;
extern const Section::Rule path;
extern const Section::Rule account;
extern const Section::Rule device;
extern const Section::Rule address; ///< of one interface
extern const Section::Rule network;
extern const Section::Rule endpoint; ///< of an etcd
extern const Section::Rule user;     ///< of an etcd
extern const Section::Rule store_unit;

} // namespace roleswap::config::rules
