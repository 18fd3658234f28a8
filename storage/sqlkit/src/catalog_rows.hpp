// CatalogStore for a database that changes row by row, in one transaction at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog_store.hpp"
#include "transaction.hpp"

namespace pharox::sqlkit {

/// Inserts and updates of proxies with their random keys, and the ends of leases, over statements for single
/// rows. One transaction writes at a time: what it has read stays so until it ends.
class CatalogRows : public Transaction, public CatalogTransaction {
  public:
    ProxyInsert insert_proxy(const Proxy& proxy) override;
    ProxyUpdate update_proxy(const Proxy& proxy) override;
    AddProxiesResult insert_proxies(const std::vector<Proxy>& proxies, DuplicatePolicy policy) override;
    bool has_active_leases(const LeaseHolder& holder) override;
    std::vector<Lease> end_active_leases(const LeaseHolder& holder) override;

  protected:
    virtual std::optional<std::string> pool_name(PoolId pool) = 0;
    virtual void set_largest_weight(PoolId pool, double weight) = 0;
    /// As stored: the count may contain expired leases.
    virtual std::optional<ProxyRow> proxy_row(ProxyId id) = 0;
    virtual std::optional<ProxyId> holder_of_identity(const Proxy& proxy) = 0;
    /// False, and nothing happens, if the id or the identity is taken.
    virtual bool insert_row(const ProxyRow& row) = 0;
    virtual void update_row(const ProxyRow& row) = 0;
    /// As stored: an expired lease may still read active.
    virtual std::vector<Lease> active_leases(const LeaseHolder& holder) = 0;

  private:
    struct Pool {
        std::string name;
        RandomKeys keys;
    };
    /// Remembered for the length of the transaction. Null if it is unknown.
    const Pool* pool_for(const Proxy& proxy);

    std::map<PoolId, Pool> pools_{};
};

}  // namespace pharox::sqlkit
