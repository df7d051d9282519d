/** Keys of a system on one machine: made on its first start, kept as files that only their owner can read. */
import { constants } from "node:fs";
import { chmod, link, mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import type { Random } from "../domain/random.ts";
import { formatKeySet, type KeySet, parseKeySet, publicKeySet } from "./key-set.ts";

export interface LocalKeys {
  readonly signingKeys: KeySet;
  /** 32 bytes. */
  readonly otpPepper: Uint8Array;
  /** 32 bytes: AES-256. */
  readonly otpCipherKey: Uint8Array;
  /** 32 bytes. */
  readonly integrityKey: Uint8Array;
}

/** Below the data directory. */
export const keyDirectory = "keys";
export const signingKeysFile = "signing-keys.json";

const secretBytes = 32;
const secretPattern = /^[0-9a-f]{64}$/;
const rsaBits = 2048;
/** The current key and those whose tokens can still be refreshed. */
const keysKept = 8;

/**
 * Reads the keys under `dataDirectory/keys` and makes those that are missing: RSA-2048, and 32 random bytes each in
 * hexadecimal; files of mode 0600 in a directory of mode 0700, written whole or not at all.
 * @throws {Error} one line that names the file and the fault: a damaged key is never replaced
 */
export async function openKeyFiles(dataDirectory: string, random: Random): Promise<LocalKeys> {
  const directory = join(dataDirectory, keyDirectory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return {
    signingKeys: await openSigningKeys(join(directory, signingKeysFile), random),
    otpPepper: await openSecret(join(directory, "otp-pepper"), random),
    otpCipherKey: await openSecret(join(directory, "otp-cipher-key"), random),
    integrityKey: await openSecret(join(directory, "integrity-key"), random),
  };
}

/** Reads the signing keys alone, for a reload. @throws {Error} one line that names the file and the fault */
export async function readSigningKeys(dataDirectory: string): Promise<KeySet> {
  const path = join(dataDirectory, keyDirectory, signingKeysFile);
  const text = await readIfThere(path);
  if (text === undefined) throw new Error(`key file ${path}: missing`);
  return parseKeySet(text, path);
}

/**
 * Puts a fresh key in front: new tokens carry it, those of the older keys stay valid until they expire and can be
 * refreshed. Older keys lose their private part, beyond `keysKept` the oldest go. Written whole or not at all.
 * A server in operation follows at its next start, or when it meets a token of the new key.
 * @returns the new key's id. @throws {Error} one line that names the file and the fault
 */
export async function rotateSigningKeys(dataDirectory: string, random: Random): Promise<string> {
  const path = join(dataDirectory, keyDirectory, signingKeysFile);
  const older = publicKeySet(await readSigningKeys(dataDirectory)).keys;
  const fresh = await generateKeySet();
  const keys = [...fresh.keys, ...older].slice(0, keysKept);
  const draft = `${path}.${random.bytes(8).toHex()}.new`;
  try {
    await writePrivate(draft, formatKeySet({ currentKeyId: fresh.currentKeyId, keys }));
    await rename(draft, path);
  } catch (error) {
    throw new Error(`key file ${path}: cannot be written (${codeOf(error)})`, { cause: error });
  } finally {
    await unlink(draft).catch(() => undefined);
  }
  return fresh.currentKeyId;
}

/** A fresh RSA-2048 key as the only key of a set; its id is its RFC 7638 thumbprint. */
export async function generateKeySet(): Promise<KeySet> {
  const pair = await generateKeyPair("RS256", { modulusLength: rsaBits, extractable: true });
  const jwk = await exportJWK(pair.privateKey);
  const keyId = await calculateJwkThumbprint(jwk);
  return {
    currentKeyId: keyId,
    keys: [{ keyId, canSign: true, jwk: { ...jwk, kid: keyId, alg: "RS256", use: "sig" } }],
  };
}

async function openSigningKeys(path: string, random: Random): Promise<KeySet> {
  const text = await readIfThere(path);
  if (text !== undefined) return parseKeySet(text, path);
  return parseKeySet(await createOnce(path, formatKeySet(await generateKeySet()), random), path);
}

async function openSecret(path: string, random: Random): Promise<Uint8Array> {
  const text =
    (await readIfThere(path)) ?? (await createOnce(path, `${random.bytes(secretBytes).toHex()}\n`, random));
  const hex = text.trim();
  if (!secretPattern.test(hex)) {
    throw new Error(`key file ${path}: expected 64 lower-case hexadecimal characters, found ${hex.length}`);
  }
  return Uint8Array.fromHex(hex);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new Error(`key file ${path}: cannot be read (${codeOf(error)})`, { cause: error });
  }
}

/** Whoever is first wins; the loser reads what the winner wrote. @returns the content that holds */
async function createOnce(path: string, content: string, random: Random): Promise<string> {
  const draft = `${path}.${random.bytes(8).toHex()}.new`;
  try {
    await writePrivate(draft, content);
    await link(draft, path).catch((error: unknown) => {
      if (codeOf(error) !== "EEXIST") throw error;
    });
    return await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`key file ${path}: cannot be written (${codeOf(error)})`, { cause: error });
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

/** A new file of mode 0600, on the disk when this resolves. */
async function writePrivate(path: string, content: string): Promise<void> {
  const file = await open(path, constants.O_CREAT | constants.O_WRONLY | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  // The mode given to `open` is cut by the umask.
  await chmod(path, 0o600);
}

function codeOf(error: unknown): string {
  return (error as { readonly code?: string } | undefined)?.code ?? String(error);
}
