# Probes of our own: the language, warnings, hardening, sanitizers, coverage, fuzzing.

# JS_TRY_CFLAG(FLAG, VARIABLE): adds FLAG to VARIABLE if the compiler takes it without a warning.
AC_DEFUN([JS_TRY_CFLAG], [
  AC_MSG_CHECKING([whether $CC takes $1])
  js_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror $1"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes])
     $2="$$2 $1"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$js_save_CFLAGS
])

AC_DEFUN([JS_TRY_LDFLAG], [
  AC_MSG_CHECKING([whether the linker takes $1])
  js_save_LDFLAGS=$LDFLAGS
  LDFLAGS="$LDFLAGS $1"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes])
     $2="$$2 $1"],
    [AC_MSG_RESULT([no])])
  LDFLAGS=$js_save_LDFLAGS
])

AC_DEFUN([JS_C_GNU17], [
  JS_CSTD=
  JS_TRY_CFLAG([-std=gnu17], [JS_CSTD])
  AS_IF([test -z "$JS_CSTD"], [AC_MSG_ERROR([a compiler for gnu17 is needed])])
  AC_SUBST([JS_CSTD])
])

AC_DEFUN([JS_WARNINGS], [
  JS_WARN=
  m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wpointer-arith -Wcast-align=strict -Wwrite-strings -Wundef -Wformat=2 -Wformat-overflow=2 -Wformat-truncation=1 -Winit-self -Wlogical-op
    -Wduplicated-cond -Wduplicated-branches -Wnull-dereference -Wvla -Wimplicit-fallthrough -Wredundant-decls -Wnested-externs
    -Wdate-time -Wswitch-enum -Wno-missing-field-initializers -Wno-unused-parameter],
    [JS_TRY_CFLAG(flag, [JS_WARN])])
  # clang does not take the comments by which uthash's macros say that they fall through.
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#ifndef __clang__
#error gcc
#endif
]], [])], [JS_WARN="$JS_WARN -Wno-implicit-fallthrough"])
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat warnings as errors])], [], [enable_werror=no])
  AS_IF([test "x$enable_werror" = xyes], [JS_WARN="$JS_WARN -Werror"])
  AC_SUBST([JS_WARN])
])

AC_DEFUN([JS_HARDENING], [
  JS_HARD_CFLAGS= JS_HARD_LDFLAGS=
  AC_ARG_ENABLE([hardening],
    [AS_HELP_STRING([--disable-hardening], [build without PIE, RELRO, stack protector and FORTIFY])],
    [], [enable_hardening=yes])
  AS_IF([test "x$enable_hardening" = xyes], [
    m4_foreach_w([flag], [-fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection -fno-common],
      [JS_TRY_CFLAG(flag, [JS_HARD_CFLAGS])])
    JS_TRY_LDFLAG([-pie], [JS_HARD_LDFLAGS])
    JS_TRY_LDFLAG([-Wl,-z,relro], [JS_HARD_LDFLAGS])
    JS_TRY_LDFLAG([-Wl,-z,now], [JS_HARD_LDFLAGS])
    JS_TRY_LDFLAG([-Wl,-z,noexecstack], [JS_HARD_LDFLAGS])
  ])
  JS_TRY_LDFLAG([-Wl,--as-needed], [JS_HARD_LDFLAGS])
  AC_SUBST([JS_HARD_CFLAGS])
  AC_SUBST([JS_HARD_LDFLAGS])
])

# FORTIFY and the sanitizers exclude each other, so it is settled here.
AC_DEFUN([JS_SANITIZE], [
  AC_ARG_ENABLE([sanitize],
    [AS_HELP_STRING([--enable-sanitize[=LIST]], [build with sanitizers (address,undefined)])],
    [], [enable_sanitize=no])
  AS_IF([test "x$enable_sanitize" = xyes], [enable_sanitize=address,undefined])
  JS_SAN_CFLAGS= JS_SAN_LDFLAGS=
  AS_IF([test "x$enable_sanitize" != xno], [
    JS_SAN_CFLAGS="-fsanitize=$enable_sanitize -fno-omit-frame-pointer -fno-sanitize-recover=all"
    JS_SAN_LDFLAGS="-fsanitize=$enable_sanitize"
    AC_DEFINE([JS_SANITIZED], [1], [Built with sanitizers.])
  ], [test "x$enable_hardening" = xyes], [
    case " $CFLAGS " in *" -O0 "*) ;; *) JS_TRY_CFLAG([-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2], [JS_HARD_CFLAGS]) ;; esac
  ])
  AM_CONDITIONAL([SANITIZED], [test "x$enable_sanitize" != xno])
  AC_SUBST([JS_SAN_CFLAGS])
  AC_SUBST([JS_SAN_LDFLAGS])
])

AC_DEFUN([JS_COVERAGE], [
  AC_ARG_ENABLE([coverage],
    [AS_HELP_STRING([--enable-coverage], [build for gcov])], [], [enable_coverage=no])
  JS_COV_CFLAGS= JS_COV_LDFLAGS=
  AS_IF([test "x$enable_coverage" = xyes], [JS_COV_CFLAGS="--coverage -O0" JS_COV_LDFLAGS="--coverage"])
  AC_SUBST([JS_COV_CFLAGS])
  AC_SUBST([JS_COV_LDFLAGS])
])

# The fuzz targets are always built with a plain driver that runs the corpus; with this they are libFuzzer programs.
AC_DEFUN([JS_FUZZING], [
  AC_ARG_ENABLE([fuzzing],
    [AS_HELP_STRING([--enable-fuzzing], [build the fuzz targets for libFuzzer (needs CC=clang)])], [], [enable_fuzzing=no])
  JS_FUZZ_CFLAGS= JS_FUZZ_LDFLAGS=
  AS_IF([test "x$enable_fuzzing" = xyes], [
    JS_TRY_CFLAG([-fsanitize=fuzzer-no-link], [JS_FUZZ_CFLAGS])
    AS_IF([test -z "$JS_FUZZ_CFLAGS"], [AC_MSG_ERROR([--enable-fuzzing needs clang and its libFuzzer])])
    JS_FUZZ_LDFLAGS="-fsanitize=fuzzer"
  ])
  AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
  AC_SUBST([JS_FUZZ_CFLAGS])
  AC_SUBST([JS_FUZZ_LDFLAGS])
])

# JS_WITH_DIR(NAME, HELP, FOLDER, CONDITIONAL): --with-NAME=DIR, by default ${prefix}/lib/FOLDER; `no`: not installed.
AC_DEFUN([JS_WITH_DIR], [
  AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [$2 (${prefix}/lib/$3; no: nowhere)])], [], [with_$1=yes])
  AS_IF([test "x$with_$1" = xyes], [with_$1='${prefix}/lib/$3'])
  AM_CONDITIONAL([$4], [test "x$with_$1" != xno])
  AC_SUBST([$1], [$with_$1])
])
