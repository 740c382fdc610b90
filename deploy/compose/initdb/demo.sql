-- Simulated costs never stand beside real ones.
CREATE DATABASE demo;
