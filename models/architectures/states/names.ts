/** What the graphs of a block call the states that they take and leave. */
export const pastState = (name: string): string => `past_state.${name}`;
export const newState = (name: string): string => `state.${name}`;

/** What a network that reads the position in front of its own read last, [b, w]. */
export const networkState = 'network';
