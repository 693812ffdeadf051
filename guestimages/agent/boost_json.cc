// Boost.JSON as source: there is no library of it for the guest.
#include <boost/json/src.hpp>
