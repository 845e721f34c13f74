#include "work/engine.hpp"
