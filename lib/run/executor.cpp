#include "run/executor.hpp"
