mod clock;
mod states;
mod timestamp;
