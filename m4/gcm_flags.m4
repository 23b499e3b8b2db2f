# GCM_TRY_FLAGS(VARIABLE, FLAGS)
# Put those of FLAGS that the C compiler takes into VARIABLE and substitute it.
# Compilers take any -Wno-x silently, so that is tried as -Wx.
AC_DEFUN([GCM_TRY_FLAGS], [
	AC_SUBST([$1])
	m4_foreach_w([gcm_flag], [$2], [_GCM_TRY_FLAG([$1], m4_defn([gcm_flag]))])
])

AC_DEFUN([_GCM_TRY_FLAG], [
	AS_VAR_PUSHDEF([gcm_cache], [gcm_cv_c_flag_$2])
	AC_CACHE_CHECK([whether $CC takes $2], [gcm_cache], [
		gcm_saved_cflags=$CFLAGS
		CFLAGS="$CFLAGS -Werror m4_bpatsubst([$2], [^-Wno-], [-W])"
		AS_CASE([$2], [*-alloc-size-larger-than], [CFLAGS="$CFLAGS=1"])
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
			[AS_VAR_SET([gcm_cache], [yes])],
			[AS_VAR_SET([gcm_cache], [no])])
		CFLAGS=$gcm_saved_cflags])
	AS_VAR_IF([gcm_cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
	AS_VAR_POPDEF([gcm_cache])
])
