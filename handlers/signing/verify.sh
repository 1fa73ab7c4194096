#!/bin/sh
# Checks this evidence offline, with a POSIX shell and openssl alone.
#   sh verify.sh [root.pem]
# root.pem: the root certificate as you got it from the company in another way; else the one in this folder.
# Prints one line a check; ends with 0 only when every check passed.
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")" || exit 2
ROOT=${1:-certificates/root.pem}
WORK=$(mktemp -d) || exit 2
trap 'rm -rf "$WORK"' EXIT
BAD=0

say() { # say RESULT TEXT
    if [ "$1" -eq 0 ]; then echo "OK    $2"; else echo "FAIL  $2"; BAD=1; fi
}
enough() { # goes no further when something is wrong
    [ "$BAD" -eq 0 ] || { echo "SOMETHING IS WRONG"; exit 1; }
}
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
sum() { openssl dgst -sha256 -r "$1" | cut -d' ' -f1; }
seconds() { # seconds since 1970 of a date as openssl prints it
    awk '{
        m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $1) + 2) / 3; y = $4; d = $2
        split($3, t, /[:.]/)
        if (m <= 2) { y--; m += 12 }
        print (365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 719469) \
            * 86400 + t[1] * 3600 + t[2] * 60 + t[3] }'
}
epoch() { # seconds since 1970 of the timestamp token $1
    openssl ts -reply -in "$1" -token_in -text 2>/dev/null | sed -n 's/^Time stamp: //p' | seconds
}

AT=$(epoch timestamps/manifest.tst)
[ -n "$AT" ] || { echo "FAIL  timestamps/manifest.tst is no timestamp"; exit 1; }
TRUST="-CAfile $ROOT -attime $AT"

# 1. the list of files, and each file
openssl cms -verify -binary -inform der -in manifest.p7s -content manifest.txt $TRUST \
    -certfile certificates/above.pem -signer "$WORK/signer.pem" -out /dev/null 2>/dev/null
say $? "the company signed the list of files"
cmp -s "$WORK/signer.pem" certificates/seal.pem
say $? "with the seal in this folder"
openssl ts -verify -in timestamps/manifest.tst -token_in -data manifest.p7s $TRUST \
    -untrusted certificates/above.pem >/dev/null 2>&1
say $? "the list's timestamp"
enough # names of files are taken from the list only when it is the company's
sed 's/^[^ ]*  //' manifest.txt | xargs openssl dgst -sha256 -r 2>/dev/null >"$WORK/sums"
while read -r WANTED NAME; do
    grep -q "^$WANTED \*$NAME\$" "$WORK/sums"
    say $? "SHA-256 of $NAME"
done <manifest.txt
find . -type f | sed 's|^\./||' | while read -r NAME; do
    case $NAME in manifest.txt | manifest.p7s | timestamps/manifest.tst) continue ;; esac
    grep -q "  $NAME\$" manifest.txt || echo "$NAME"
done >"$WORK/more"
[ ! -s "$WORK/more" ]
say $? "no file that is not on the list"
enough # of a changed file nothing more is to be said

# 2. certificates: lists and status answers
SIGNED=0 # when the customer's last signature was dated; the dates themselves are checked below
for TOKEN in timestamps/*.customer.tst; do
    ONE=$(epoch "$TOKEN")
    [ "${ONE:-0}" -gt "$SIGNED" ] && SIGNED=$ONE
done
ENDED= # when the customer's certificate was revoked, if it was: what it signed must be dated before
end_at() { # end_at DATE WHERE: notes when the certificate ended; the earliest date counts
    ONE=$(echo "$1" | seconds)
    [ -n "$1" ] && [ "$ONE" -gt 0 ] || return 1
    echo "NOTE  certificate customer was revoked on $1, says $2"
    [ -n "$ENDED" ] && [ "$ENDED" -le "$ONE" ] || ENDED=$ONE
    [ "$ENDED" -gt "$SIGNED" ]
}
chain() { # chain NAME OPTIONS...
    FILE=certificates/$1.pem
    shift
    openssl verify -x509_strict "$@" $TRUST -untrusted certificates/above.pem "$FILE" 2>&1
}
listed() { # a certificate that ended only after it had signed: nothing else may be wrong
    [ "$(grep '^error [0-9]* at ' "$WORK/told" | cut -d' ' -f1-5)" = "error 23 at 0 depth" ] || return 1
    chain customer >/dev/null && chain customer-issuer -crl_check_all -CRLfile status/lists.pem >/dev/null || return 1
    SERIAL=$(openssl x509 -in certificates/customer.pem -noout -serial | sed 's/^serial=//')
    awk -v to="$WORK/list." '/BEGIN X509 CRL/ { n++ } { print >(to n) }' status/lists.pem
    for LIST in "$WORK"/list.*; do
        [ "$(openssl crl -in "$LIST" -noout -issuer)" = "$(openssl x509 -in certificates/customer.pem -noout -issuer)" ] &&
            openssl crl -in "$LIST" -noout -text
    done | awk -v wanted="$SERIAL" '/Serial Number: / { here = $3 == wanted }
        here && sub(/^ *Revocation Date: /, "") { print; exit }' >"$WORK/date"
    end_at "$(cat "$WORK/date")" "the list"
}
for NAME in customer seal tsa; do
    chain "$NAME" -crl_check_all -CRLfile status/lists.pem >"$WORK/told" ||
        { [ "$NAME" = customer ] && listed; }
    say $? "certificate $NAME: chain and revocation lists"
done
answered() { # answered NAME: good, and for the customer said of the time of signing; or revoked after it
    grep -q "^Response verify OK" "$WORK/told" || return 1
    if grep -q "^certificates/$1.pem: good" "$WORK/told"; then
        [ "$1" = customer ] || return 0
        # Clocks may differ by five minutes.
        [ $(($(sed -n 's/^.*This Update: //p' "$WORK/told" | seconds) + 300)) -ge "$SIGNED" ]
    elif [ "$1" = customer ] && grep -q "^certificates/$1.pem: revoked" "$WORK/told"; then
        end_at "$(sed -n 's/^.*Revocation Time: //p' "$WORK/told")" "the status answer"
    else
        false
    fi
}
for NAME in customer seal; do
    openssl ocsp -respin "status/$NAME.ocsp" -no_nonce -issuer "certificates/$NAME-issuer.pem" \
        -cert "certificates/$NAME.pem" $TRUST -verify_other certificates/above.pem \
        -validity_period 9999999999 >"$WORK/told" 2>&1
    answered "$NAME"
    say $? "certificate $NAME: status answer"
done

# 3. every signature of every PDF
signature() { # signature PDF FIELD START END REST
    head -c "$3" "$1" >"$WORK/covered"
    tail -c +$(($4 + 1)) "$1" | head -c "$5" >>"$WORK/covered"
    HELD=$(tail -c +$(($3 + 2)) "$1" | head -c $(($4 - $3 - 2)) | tr 'A-F' 'a-f')
    BASE=$(basename "$1" .pdf).$2
    case $2 in archive) MADE=timestamps/$BASE.tst ;; *) MADE=signatures/$BASE.p7s ;; esac
    DIGITS=$(hex "$MADE")
    PAD=${HELD#"$DIGITS"}
    [ "$PAD" != "$HELD" ] && [ -z "$(printf %s "$PAD" | tr -d 0)" ]
    say $? "$1: $MADE is what it holds"
    if [ "$2" = archive ]; then
        openssl ts -verify -in "$MADE" -token_in -data "$WORK/covered" $TRUST >/dev/null 2>&1
        say $? "$1: timestamp over the whole"
        return
    fi
    ONE=$(epoch "timestamps/$BASE.tst")
    # The certificate is judged at the moment that the timestamp proves.
    openssl cms -verify -cades -binary -inform der -in "$MADE" -content "$WORK/covered" -CAfile "$ROOT" \
        -attime "${ONE:-0}" -certfile certificates/above.pem -signer "$WORK/signer.pem" -out /dev/null 2>/dev/null
    say $? "$1: signature of $2"
    case $2 in company) WHO=seal ;; *) WHO=$2 ;; esac
    cmp -s "$WORK/signer.pem" "certificates/$WHO.pem"
    say $? "$1: by certificate $WHO"
    openssl ts -verify -in "timestamps/$BASE.tst" -token_in -data "signatures/$BASE.sig" $TRUST >/dev/null 2>&1
    say $? "$1: timestamp of the signature of $2"
    if [ "$2" = customer ] && [ -n "$ENDED" ]; then
        [ "${ONE:-$ENDED}" -lt "$ENDED" ]
        say $? "$1: signed before the certificate was revoked"
    fi
    case $DIGITS in *"$(hex "signatures/$BASE.sig")"*"$(hex "timestamps/$BASE.tst")"*) true ;; *) false ;; esac
    say $? "$1: that timestamp is in it"
}
for PDF in papers/*.pdf evidence.pdf; do
    tr -c '[:print:]' '\n' <"$PDF" | sed -n 's/.*\/ByteRange *\[ *\([0-9 ]*\)\].*/\1/p' |
        awk '{ printf "%d %d %d %d\n", $1, $2, $3, $4 }' >"$WORK/ranges"
    [ "$PDF" = evidence.pdf ] && FIELDS="company archive" || FIELDS="customer company archive"
    [ "$(wc -l <"$WORK/ranges")" -eq "$(echo $FIELDS | wc -w)" ]
    say $? "$PDF: as many signatures as there should be"
    for FIELD in $FIELDS; do
        read -r ZERO START END REST || { say 1 "$PDF: signature of $FIELD"; break; }
        [ "$ZERO" -eq 0 ] && signature "$PDF" "$FIELD" "$START" "$END" "$REST"
        LAST=$((END + REST))
    done <"$WORK/ranges"
    [ "$LAST" -eq "$(wc -c <"$PDF")" ]
    say $? "$PDF: nothing after the last timestamp"
    [ "$PDF" = evidence.pdf ] || grep -q "\"file_sha256\": \"$(sum "$PDF")\"" evidence.json
    say $? "$PDF: named by evidence.json"
done

# 4. the journal's chain
head -c 32 /dev/zero >"$WORK/link"
for ENTRY in journal/*.bin; do
    cat "$WORK/link" "$ENTRY" | openssl dgst -sha256 -binary >"$WORK/next" && mv "$WORK/next" "$WORK/link"
done
grep -q "\"head\": \"$(hex "$WORK/link")\"" evidence.json
say $? "the journal leads to the head that evidence.json tells"

# 5. the recording of the video witness: what the recorder sealed of each segment, and the hash of all of it
if grep -q '^  "video": {' evidence.json || [ -d video ]; then
    for SAID in video/*.json; do
        openssl pkeyutl -verify -pubin -inkey video/seal.pem -rawin -in "$SAID" -sigfile "${SAID%.json}.sig" \
            >/dev/null 2>&1
        say $? "$SAID: seal of the recording"
    done
    for SAID in video/*.json; do
        cat "$SAID"
        echo
    done | openssl dgst -sha256 -binary >"$WORK/recording"
    grep -q "\"sha256\": \"$(hex "$WORK/recording")\"" evidence.json
    say $? "the recording has the hash that evidence.json tells"
fi

[ "$BAD" -eq 0 ] && echo "ALL CHECKS PASSED" || echo "SOMETHING IS WRONG"
exit "$BAD"
