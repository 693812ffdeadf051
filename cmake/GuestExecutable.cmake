# guest_executable(NAME ARCH TRIPLET SOURCE...): a static program for a guest, as ARCH/NAME in this build directory and as
# target NAME-ARCH. It is built by commands of its own, with a cross compiler: flags, sanitizers and libraries of the
# host's build have no part in it. Sources are relative to the root of the project.

set(guest_cxx_flags -std=gnu++20 -Os -ffunction-sections -fdata-sections -Wall -Wextra -Wconversion -Werror -DFMT_HEADER_ONLY)
set(guest_link_flags -static -s -Wl,--gc-sections)

# Headers-only libraries of the host, without the host's C library beside them.
function(guest_include_directory result)
  set(directory ${CMAKE_BINARY_DIR}/guest-include)
  file(MAKE_DIRECTORY ${directory})
  get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
  file(CREATE_LINK ${Boost_INCLUDE_DIRS}/boost ${directory}/boost SYMBOLIC)
  file(CREATE_LINK ${fmt_include}/fmt ${directory}/fmt SYMBOLIC)
  set(${result} ${directory} PARENT_SCOPE)
endfunction()

function(guest_executable name arch triplet)
  find_program(GUEST_CXX_${arch} ${triplet}-g++ REQUIRED)
  set(compiler ${CMAKE_CXX_COMPILER_LAUNCHER} ${GUEST_CXX_${arch}})
  guest_include_directory(include)
  set(objects)
  foreach(source ${ARGN})
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${arch}/${source}.o)
    cmake_path(GET object PARENT_PATH directory)
    file(MAKE_DIRECTORY ${directory})
    add_custom_command(OUTPUT ${object}
      COMMAND ${compiler} ${guest_cxx_flags} -I${PROJECT_SOURCE_DIR} -isystem ${include} -MD -MF ${object}.d -MT ${object}
        -c ${PROJECT_SOURCE_DIR}/${source} -o ${object}
      DEPENDS ${PROJECT_SOURCE_DIR}/${source} DEPFILE ${object}.d
      COMMENT "Building ${arch} object ${source}" VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(program ${CMAKE_CURRENT_BINARY_DIR}/${arch}/${name})
  add_custom_command(OUTPUT ${program}
    COMMAND ${GUEST_CXX_${arch}} ${guest_link_flags} ${objects} -o ${program}
    DEPENDS ${objects} COMMENT "Linking ${arch} ${name}" VERBATIM)
  add_custom_target(${name}-${arch} DEPENDS ${program})
endfunction()
