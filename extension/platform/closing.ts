/** Why a run is left: the window closes. What runs in a process of its own goes on then. */
export const closing = new Error('the window closes');

export const isClosing = ({ aborted, reason }: AbortSignal): boolean => aborted && reason === closing;
