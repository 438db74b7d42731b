# Unpacks a tool of a Debian package, with the libraries that it needs and this machine does not have, into a directory,
# without installing anything. Arguments: the package, the tool, the directory; the tool is then bin/TOOL below it.
set -eu
package=$1 tool=$2 target=$3
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/packages" "$work/root" "$work/bin"
cd "$work/packages"
# The first time, the list of packages may be old or absent.
apt-get -qq download "$package" || { apt-get -qq update && apt-get -qq download "$package"; }
# Libraries need libraries: those of each package that came, until nothing new comes.
seen=
while :; do
    new=
    for file in ./*.deb; do
        case " $seen " in *" $file "*) ;; *) new="$new $file" ;; esac
    done
    [ -n "$new" ] || break
    seen="$seen$new"
    for file in $new; do
        dpkg-deb -f "$file" Depends | tr ',' '\n' | sed 's/^ *//; s/[ |(:].*//' | while read -r library; do
            case $library in
            libjs-*) ;;
            lib*)
                for there in ./"$library"_*.deb; do break; done
                [ -e "$there" ] || dpkg-query -W "$library" >/dev/null 2>&1 || apt-get -qq download "$library"
                ;;
            esac
        done
    done
done
for file in ./*.deb; do dpkg-deb -x "$file" "$work/root"; done
rm -r "$work/packages"
cat >"$work/bin/$tool" <<WRAPPER
#!/bin/sh
root=\$(dirname "\$(dirname "\$0")")/root
for directory in "\$root"/usr/lib/*-linux-gnu*; do libraries=\$directory; done
LD_LIBRARY_PATH=\$libraries exec "\$root/usr/bin/$tool" "\$@"
WRAPPER
chmod +x "$work/bin/$tool"
"$work/bin/$tool" --version >/dev/null 2>&1
# Another test may have been quicker; one is as good as the other.
mv -T "$work" "$target" 2>/dev/null || [ -x "$target/bin/$tool" ]
