#include "harness/machine/libvirt/leftovers.h"

#include <fmt/format.h>

#include <pugixml.hpp>

#include "harness/machine/libvirt/domain_xml.h"
#include "harness/machine/libvirt/files.h"
#include "harness/machine/libvirt/handles.h"
#include "harness/machine/libvirt/owner.h"

namespace crashpath::libvirt {
namespace {

using Text = std::unique_ptr<char, Releaser<::free>>;

/// The owner in a domain's metadata; empty: it is none of ours.
std::string owner_of(virDomainPtr domain) {
  const Text text(
      virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, std::string(kMetadataNamespace).c_str(), 0));
  pugi::xml_document document;
  if (!text || !document.load_string(text.get())) return "";
  return document.first_child().attribute("owner").value();
}

void clean_domains(virConnectPtr connection, std::vector<std::string>& found) {
  virDomainPtr* domains = nullptr;
  const int count = virConnectListAllDomains(connection, &domains, 0);
  const std::unique_ptr<virDomainPtr, Releaser<::free>> list(domains);
  for (int i = 0; i < count; ++i) {
    const Domain domain(domains[i]);
    if (owner_state(owner_of(domain.get())) != OwnerState::gone) continue;
    // Transient domains are gone when they end.
    if (virDomainDestroy(domain.get()) == 0)
      found.push_back(fmt::format("domain {}", virDomainGetName(domain.get())));
  }
}

void clean_volumes(virConnectPtr connection, std::vector<std::string>& found) {
  const StoragePool pool(virStoragePoolLookupByName(connection, kPoolName));
  if (!pool) return;
  virStoragePoolRefresh(pool.get(), 0);  // refused while the pool is busy: then by what it knows
  virStorageVolPtr* volumes = nullptr;
  const int count = virStoragePoolListAllVolumes(pool.get(), &volumes, 0);
  const std::unique_ptr<virStorageVolPtr, Releaser<::free>> list(volumes);
  for (int i = 0; i < count; ++i) {
    const StorageVolume volume(volumes[i]);
    const std::string name = virStorageVolGetName(volume.get());
    const auto owner = owner_in_name(name);
    if (!owner || owner_state(*owner) != OwnerState::gone) continue;
    if (virStorageVolDelete(volume.get(), 0) == 0) found.push_back(fmt::format("volume {}", name));
  }
}

}  // namespace

std::vector<std::string> clean_host(virConnectPtr connection) {
  std::vector<std::string> found;
  clean_domains(connection, found);
  clean_volumes(connection, found);
  return found;
}

}  // namespace crashpath::libvirt
