/**
 * Words that a notification shows as they are. VS Code makes links of `[words](address)` in one, and follows `command:`
 * addresses with all rights (1.101), so a file's name or an error about its content must not come to one.
 */
export const plainWords = (text: string): string => text.replace(/\](?=\()/g, '] ');
