#pragma once
#include "wire/bytes.hpp"
#include <vector>

namespace roleswap::fuzz {

/// What the program itself sends, one of each kind: where a fuzzer starts from.
std::vector<wire::Bytes> contents();
std::vector<wire::Bytes> messages();
/// Sealed, as they are on a network; also with another version.
std::vector<wire::Bytes> datagrams();
/// The same as they are on a serial line.
std::vector<wire::Bytes> serial_frames();

/// Puts the files into a folder of this process and names it last in the arguments of libFuzzer,
/// which reads it before it makes anything up.  The folder goes when the process exits.
void begin_with(const std::vector<wire::Bytes>& seeds, int& argc, char**& argv);

} // namespace roleswap::fuzz
