/**
 * Paths that a file names. A saved result may come from anyone, and opening a path on another machine reveals to that machine who
 * asks (Windows sends the person's credentials to it): only paths on this machine are opened, as far as a path shows.
 */
import { posix } from 'node:path';

/** Where systems mount what lies on other machines: GNOME's file system, the automounter, macOS. */
const mounts = [
  /^\/run\/user\/\d+\/gvfs(\/|$)/,
  /\/\.gvfs(\/|$)/,
  /^\/net(\/|$)/,
  /^\/Network(\/|$)/,
  /\/(smb-share|sftp|ftp|dav|davs|nfs):/,
];

const onAnotherMachine = (path: string): boolean =>
  // \\server\share, //server/share and their mixtures; a drive is no scheme.
  /^[\\/]{2}/.test(path) ||
  /^[a-z][a-z0-9+.-]+:/i.test(path) ||
  mounts.some((mount) => mount.test(posix.normalize(path.replaceAll('\\', '/'))));

const isAbsoluteHere = (path: string): boolean => path.startsWith('/') || /^[a-z]:[\\/]/i.test(path);

/** Why a path that a file names is not opened, as a sentence; undefined when it lies on this machine as far as it shows. */
export function whyNotOpened(path: string): string | undefined {
  const trimmed = path.trim();
  if (onAnotherMachine(trimmed)) {
    return `The file names ${path}, which is on another machine or looks like it, so it is not opened. Copy it to this machine and choose it in the panel.`;
  }
  return isAbsoluteHere(trimmed)
    ? undefined
    : `The file names "${path}", which is not an absolute path, so it is not opened. Choose the model or picture in the panel.`;
}

/** The same of the first of several that is not opened; an empty one names nothing. */
export const whyNoneOpened = (paths: readonly string[]): string | undefined =>
  paths.flatMap((path) => (path === '' ? [] : (whyNotOpened(path) ?? []))).at(0);
