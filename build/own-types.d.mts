export function ownTypes(): string;
