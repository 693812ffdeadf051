#pragma once

// libvirt's references by RAII, and its errors as ours.

#include <libvirt/libvirt.h>

#include <memory>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath::libvirt {

/// Gives a reference back by the function of its type.
template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* reference) const {
    (void)Release(reference);
  }
};

using Connect = std::unique_ptr<virConnect, Releaser<virConnectClose>>;
using Domain = std::unique_ptr<virDomain, Releaser<virDomainFree>>;
using Stream = std::unique_ptr<virStream, Releaser<virStreamFree>>;
using StoragePool = std::unique_ptr<virStoragePool, Releaser<virStoragePoolFree>>;
using StorageVolume = std::unique_ptr<virStorageVol, Releaser<virStorageVolFree>>;

/// "WHAT: libvirt's words", a host fault: of the last call that failed on this thread.
Error last_error(std::string_view what, boost::source_location where = BOOST_CURRENT_LOCATION);

}  // namespace crashpath::libvirt
