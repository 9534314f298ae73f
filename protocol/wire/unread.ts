/** Why a file or folder could not be read, in words: Node's own message repeats the path and names a system call. */
const words: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'its permissions do not allow it',
  EPERM: 'its permissions do not allow it',
  ELOOP: 'its links lead in a circle',
};

export function whyUnread(error: unknown): string {
  const { code, message = String(error) } = error as { readonly code?: unknown; readonly message?: string };
  return (typeof code === 'string' ? words[code] : undefined) ?? message;
}
