#pragma once
#include "event/fd.hpp"
#include <string>

namespace roleswap::durable {

/// The sole right to write in a data folder, as a lock on FOLDER/lock that ends with the process,
/// however it ends.  Its children do not have it (fcntl(2), F_SETLK).
class FolderLock {
public:
    /// Makes the folder where it is missing.  Throws std::runtime_error that names the process
    /// which has the lock, std::system_error when the file cannot be opened.
    explicit FolderLock(const std::string& folder);

private:
    event::UniqueFd file_; ///< the only descriptor of that file: closing another ends the lock
};

} // namespace roleswap::durable
