#include "synced_files.hpp"

#include <sqlite3.h>

#include <fstream>
#include <map>
#include <new>
#include <string>

namespace pharox::sqlite {

struct SyncedFiles::State {
    sqlite3_vfs* real = sqlite3_vfs_find(nullptr);
    sqlite3_vfs shim{};
    std::map<std::string, std::string> synced;  // what is on the disk for certain
    bool full = false;
};

namespace {

struct File {
    sqlite3_file base{};
    SyncedFiles::State* state = nullptr;
    std::string name;
    sqlite3_file* real = nullptr;  // right behind this struct
};

File& mine(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return mine(file).real; }

int close(sqlite3_file* file) {
    const int code = real(file)->pMethods->xClose(real(file));
    mine(file).~File();
    return code;
}
int read(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
    return real(f)->pMethods->xRead(real(f), to, size, at);
}
int file_size(sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); }
int write(sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
    sqlite3_int64 present = 0;
    if (mine(f).state->full && (file_size(f, &present) != SQLITE_OK || at + size > present))
        return SQLITE_FULL;
    return real(f)->pMethods->xWrite(real(f), from, size, at);
}
int truncate(sqlite3_file* f, sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); }

int sync(sqlite3_file* file, int flags) {
    const int code = real(file)->pMethods->xSync(real(file), flags);
    sqlite3_int64 size = 0;
    file_size(file, &size);
    std::string content(static_cast<std::size_t>(size), '\0');
    read(file, content.data(), static_cast<int>(size), 0);
    mine(file).state->synced[mine(file).name] = content;
    return code;
}

int lock(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
int unlock(sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
int check_lock(sqlite3_file* f, int* held) { return real(f)->pMethods->xCheckReservedLock(real(f), held); }
int control(sqlite3_file* f, int what, void* argument) {
    return real(f)->pMethods->xFileControl(real(f), what, argument);
}
int sector_size(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
int characteristics(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** to) {
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, to);
}
int shm_lock(sqlite3_file* f, int at, int count, int flags) {
    return real(f)->pMethods->xShmLock(real(f), at, count, flags);
}
void shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
int shm_unmap(sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

constexpr sqlite3_io_methods methods = {
    2,         close,      read,    write,       truncate,        sync,    file_size, lock,
    unlock,    check_lock, control, sector_size, characteristics, shm_map, shm_lock,  shm_barrier,
    shm_unmap, nullptr,    nullptr};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* state = static_cast<SyncedFiles::State*>(vfs->pAppData);
    auto* wrapped = new (file) File;
    wrapped->state = state;
    wrapped->name = name == nullptr ? "" : std::filesystem::path(name).filename().string();
    wrapped->real = reinterpret_cast<sqlite3_file*>(wrapped + 1);
    wrapped->real->pMethods = nullptr;
    const int code = state->real->xOpen(state->real, name, wrapped->real, flags, out_flags);
    if (wrapped->real->pMethods == nullptr) {
        wrapped->~File();
        file->pMethods = nullptr;
    } else {
        wrapped->base.pMethods = &methods;
    }
    return code;
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    auto* state = static_cast<SyncedFiles::State*>(vfs->pAppData);
    state->synced.erase(std::filesystem::path(name).filename().string());
    return state->real->xDelete(state->real, name, sync_folder);
}

}  // namespace

SyncedFiles::SyncedFiles() : state_(std::make_unique<State>()) {
    state_->shim = *state_->real;
    state_->shim.zName = "synced";
    state_->shim.pNext = nullptr;
    state_->shim.pAppData = state_.get();
    state_->shim.szOsFile = static_cast<int>(sizeof(File)) + state_->real->szOsFile;
    state_->shim.xOpen = open;
    state_->shim.xDelete = remove;
    sqlite3_vfs_register(&state_->shim, 1);
}

SyncedFiles::~SyncedFiles() {
    sqlite3_vfs_unregister(&state_->shim);
    sqlite3_vfs_register(state_->real, 1);
}

void SyncedFiles::set_full(bool full) { state_->full = full; }

void SyncedFiles::restore_into(const std::filesystem::path& folder) const {
    for (const auto& [name, content] : state_->synced)
        std::ofstream(folder / name, std::ios::binary) << content;
}

}  // namespace pharox::sqlite
